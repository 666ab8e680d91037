-- What a report compares: the faces of the Parquet files that variable faces names, stored in a table instead of the view.
-- Column faces_file says which file each is from.
drop view faces;
create table faces as from read_faces(getvariable('faces'), file_column := 'faces_file');
comment on table faces is 'the faces that were compared; one row per face';
