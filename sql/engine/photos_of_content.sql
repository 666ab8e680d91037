-- The photos of a table of photos that have a content.
-- One row per photo: id.
-- Parameters: $photos, a pattern for the Parquet file; $sha256, that of the file's bytes.
select id
from read_parquet($photos, hive_partitioning = false)
where sha256 = $sha256;
