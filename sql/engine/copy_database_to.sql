-- Copy all of the database in memory into a new file: one from which rows are deleted would still hold their bytes. Variable
-- database_file names it, and storage_version is that of DuckDB's format.
set storage_compatibility_version = getvariable('storage_version');
attach getvariable('database_file') as new;
copy from database memory to new;
detach new;
