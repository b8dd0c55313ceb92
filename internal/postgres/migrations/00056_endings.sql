-- Each planning asks which employments a list has ended today: that must not
-- read the hires of the day, of which there may be a hundred thousand.

-- +goose Up
CREATE INDEX import_change_endings ON import_change (tenant, import_id) WHERE kind IN ('leave', 'return');
