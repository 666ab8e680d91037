-- What a report compares: the faces of the Parquet file that variable faces names, stored in a table instead of the view.
drop view faces;
create table faces as from read_faces(getvariable('faces'));
comment on table faces is 'the faces that were compared; one row per face';
