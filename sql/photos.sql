-- photos: what became of each photo, by the table of photos that encode writes beside a table of faces, and that variable photos
-- names; no rows while it names none. It has no encodings.
-- One row per photo: id (of the photo, as column photo of faces has it), person (as the folder is named), sha256 (of the file's bytes),
-- width and height (pixels), status (row where it gave one), reason, note, and faces (how many were found in it).
--   set variable photos = 'faces.photos.parquet';
create or replace view photos as
    from query(
        case
            when getvariable('photos') is not null then 'from read_photos(getvariable(''photos''))'
            else 'select null::varchar as id, null::varchar as person, null::varchar as sha256, null::integer as width, null::integer as height, null::varchar as status, null::varchar as reason, null::varchar as note, null::bigint as faces where false'
        end
    );
comment on view photos is 'what became of each photo, by the table of photos that encode writes beside a table of faces, and that variable photos names; no rows while it names none';
