-- What can be asked in a database, as facesql shell lists it.
-- One row per table or view that is not the system's: its name, and the rows of a table, null for a view; tables first, by name.
with named as (
    select table_name as name, estimated_size as rows from duckdb_tables() where not internal
    union all
    select view_name, null from duckdb_views() where not internal
)
select name, rows from named order by rows is null, name;
