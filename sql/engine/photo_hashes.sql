-- What photos held when they were encoded.
-- One row per photo of a table of photos that has one of the ids: id, sha256 (of the file's bytes).
-- Parameters: $photos, a pattern for the Parquet file; $ids.
select id, sha256
from read_parquet($photos, hive_partitioning = false)
where id in (select unnest($ids));
