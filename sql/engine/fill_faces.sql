-- What a report compares: the faces of the Parquet files that variable faces names, stored in a table instead of the view.
-- Column faces_file says which table each is from: variables faces_tables and faces_starts tell, for each file, its table, and how
-- many rows that has in the files before it. file_row is the 0-based place in the table.
drop view faces;
create table faces as
select * replace (
    file_row + getvariable('faces_starts')[faces_file] as file_row,
    getvariable('faces_tables')[faces_file] as faces_file
)
from read_faces(
    getvariable('faces'), file_column := 'faces_file', partitioned := getvariable('faces_partitioned')
);
comment on table faces is 'the faces that were compared; one row per face';
