-- Attach a new database file, that variable database_file names, as facesql, and work in it; storage_version is that of DuckDB's
-- format. No log is written beside it: a file whose writer was killed is thrown away.
attach getvariable('database_file') as facesql (storage_version getvariable('storage_version'), recovery_mode no_wal_writes);
use facesql;
