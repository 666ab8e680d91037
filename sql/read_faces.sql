-- read_faces(file): a Parquet file's faces as they stand there, unchecked, with every column that it has.
-- Folders named like year=2020 add no columns.
-- One row per face: file_row (0-based place in the file), id, person, encoding, and what else there is.
--   create table faces as from read_faces('faces.parquet');
create or replace macro read_faces(file) as table
    select file_row_number as file_row, * exclude (file_row_number) replace (id::varchar as id, person::varchar as person)
    from read_parquet(file, file_row_number = true, hive_partitioning = false);
comment on macro table read_faces is 'a Parquet file''s faces as they stand there, unchecked, with every column that it has';
