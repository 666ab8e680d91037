-- The key-value metadata of a Parquet file. One row per entry: key and value, both blobs.
-- Parameter: $source, its name or address.
select key, value from parquet_kv_metadata($source);
