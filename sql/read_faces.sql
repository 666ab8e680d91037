-- read_faces(file, file_column, partitioned): a Parquet file's faces as they stand there, unchecked, with every column that it has.
-- Of a list of files it gives the faces of one after the other; a column that a file lacks is null there. file_column names
-- a further column for the file that each face is from; without it there is none. Folders named like year=2020 add columns of text
-- where partitioned is true.
-- One row per face: file_row (0-based place in its file), id, person, encoding, and what else there is.
--   create table faces as from read_faces('faces.parquet');
create or replace macro read_faces(file, file_column := false, partitioned := false) as table
    select file_row_number as file_row, * exclude (file_row_number) replace (id::varchar as id, person::varchar as person)
    from read_parquet(
        file,
        file_row_number = true,
        filename = file_column,
        hive_partitioning = partitioned,
        hive_types_autocast = false,
        union_by_name = true
    );
comment on macro table read_faces is 'a Parquet file''s faces as they stand there, unchecked, with every column that it has';
