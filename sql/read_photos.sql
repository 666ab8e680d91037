-- read_photos(file): a table of photos as it stands in a Parquet file, or in a list of them, without the encodings. A column that
-- it lacks is null.
-- One row per photo: id, person, sha256, width, height, status, reason, note, faces (how many were found in it).
--   from read_photos('faces.photos.parquet') where status <> 'row';
create or replace macro read_photos(file) as table
    with found as (
        from read_parquet(file, hive_partitioning = false, union_by_name = true)
        union all by name
        select
            null::varchar as id,
            null::varchar as person,
            null::varchar as sha256,
            null::integer as width,
            null::integer as height,
            null::varchar as status,
            null::varchar as reason,
            null::varchar as note,
            null::struct(box struct(top integer, "right" integer, bottom integer, "left" integer), encoding float[])[] as faces
        where false
    )
    select
        id::varchar as id,
        person::varchar as person,
        sha256::varchar as sha256,
        width::integer as width,
        height::integer as height,
        status::varchar as status,
        reason::varchar as reason,
        note::varchar as note,
        len(faces) as faces
    from found;
comment on macro table read_photos is 'a table of photos as it stands in a Parquet file, or in a list of them, without the encodings';
