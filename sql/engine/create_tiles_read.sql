-- View tiled_face on a worker of a cluster: tiles as they were written to Parquet files, a row group a tile, of which a query reads
-- those that it asks for.
-- One row per face: the columns of table tiled_face.
-- The variable tile_files is the list of the files, whose folders' names add no columns.
create or replace temp view tiled_face as
from read_parquet(getvariable('tile_files'), hive_partitioning = false);
