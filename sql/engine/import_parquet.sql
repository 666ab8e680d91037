-- A Parquet file, to be imported.
-- One row per row of the file, in its order, with all its columns.
-- Parameter: $source, an address, or a pattern for the file.
from read_parquet($source, hive_partitioning = false);
