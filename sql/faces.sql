-- faces: the faces of the Parquet files that variable faces names, as they stand there; no rows while it names none.
-- It follows the variable: set that, and the view shows the other file. Variable faces_partitioned is true where folders named
-- like year=2020 are to add columns.
-- One row per face: file_row (0-based place in its file), id (unique), person, encoding (no unit), and what else there is.
--   set variable faces = 'faces.parquet';
create or replace view faces as
    from query(
        case
            when getvariable('faces') is not null
                then 'from read_faces(getvariable(''faces''), partitioned := coalesce(getvariable(''faces_partitioned''), false))'
            else 'select null::bigint as file_row, null::varchar as id, null::varchar as person, null::float[] as encoding where false'
        end
    );
comment on view faces is 'the faces of the Parquet files that variable faces names, as they stand there; no rows while it names none';
