-- How many bytes the encodings of Parquet files take in memory.
-- One row: bytes. Parameter: $files, patterns of the files' names.
select coalesce(sum(total_uncompressed_size), 0)::bigint as bytes
from parquet_metadata($files)
where string_split(path_in_schema, ', ')[1] = 'encoding';
