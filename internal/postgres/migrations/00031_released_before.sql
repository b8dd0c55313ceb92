-- Undo gives a number back as it was taken.

-- +goose Up
ALTER TABLE import_change ADD COLUMN was_released_import uuid; -- what had written the employment that gave its number up
