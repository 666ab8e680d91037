-- tiles(tile_faces): table faces cut into tiles of at most tile_faces faces, each of one block of people.
-- One row per tile: tile (0, 1, ...), block, and for each of its faces, in step: people (a number for each person), photos (a
-- number for each photo of that person), person_faces and person_pairs (how many faces and genuine pairs that person has),
-- and encodings.
--   create temp table tile as from tiles(512);
create or replace macro tiles(tile_faces) as table
    with numbered as (
        select
            person,
            block,
            row_number() over (order by person)::integer as number,
            faces::integer as person_faces,
            genuine_pairs as person_pairs
        from people
    ),
    placed as (
        select
            block,
            number,
            dense_rank() over (partition by number order by photo, case when photo is null then id end)::integer as photo,
            person_faces,
            person_pairs,
            id,
            encoding,
            (row_number() over (partition by block order by number, id) - 1) // tile_faces as part
        from (select id, person, encoding, photo from with_photo())
        join numbered using (person)
    )
    select
        (row_number() over (order by block, part) - 1)::integer as tile,
        block,
        list(number order by number, id) as people,
        list(photo order by number, id) as photos,
        list(person_faces order by number, id) as person_faces,
        list(person_pairs order by number, id) as person_pairs,
        list(encoding order by number, id) as encodings
    from placed
    group by block, part
    order by tile;
comment on macro table tiles is 'table faces cut into tiles of at most tile_faces faces, each of one block of people';
