-- An op is written three times: laid down, sent, ended. That it has ended is
-- what takes it out of the indexes of open ops; that it was sent, which is most
-- often written, touches no index any more and stays on its page, where room is
-- left for it. At a hundred thousand open ops the claims otherwise wade through
-- the entries of those that have ended.

-- +goose Up
DROP INDEX op_open, op_open_by_employee;
CREATE INDEX op_open ON op (tenant, import_id, id) WHERE ended_at IS NULL;
CREATE INDEX op_open_by_employee ON op (tenant, employee_id, id) WHERE ended_at IS NULL;
ALTER TABLE op SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
