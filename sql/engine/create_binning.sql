-- In a report binning is a table, in place of the view; its row is that of the view until sql/engine/fill_binning.sql changes it.
create temp table usual as from binning;
drop view binning;
create table binning as from usual;
drop table usual;
comment on table binning is 'the metric that distances are of, and the bins that they are counted in';
