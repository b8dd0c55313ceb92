-- Undo must know which employments an import made.

-- +goose Up
ALTER TABLE import_change ADD COLUMN new_job boolean NOT NULL DEFAULT false; -- applying it made the employment
