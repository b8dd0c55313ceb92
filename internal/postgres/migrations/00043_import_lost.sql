-- A file that kills whoever reads it must not do so for ever.

-- +goose Up
ALTER TABLE import ADD COLUMN lost integer NOT NULL DEFAULT 0; -- how often whoever parsed it died
