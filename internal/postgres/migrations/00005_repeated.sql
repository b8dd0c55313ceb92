-- Rows that name somebody whom an earlier row of the list has named: counted,
-- so that every row of the file is accounted for, and not taken again.

-- +goose Up
ALTER TABLE import ADD COLUMN repeated integer NOT NULL DEFAULT 0;
