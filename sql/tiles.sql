-- tiles(tile_faces): table faces cut into tiles of at most tile_faces faces, each of one block of people.
-- One row per tile: tile (0, 1, ...), block, and for each of its faces, in step: people (a number for each person),
-- photos (how many faces that person has) and encodings.
--   create temp table tile as from tiles(512);
create or replace macro tiles(tile_faces) as table
    with people as (
        select
            person,
            person_block(person) as block,
            row_number() over (order by person)::integer as number,
            count(*)::integer as photos
        from faces
        group by person
    ),
    placed as (
        select
            block,
            number,
            photos,
            id,
            encoding,
            (row_number() over (partition by block order by number, id) - 1) // tile_faces as part
        from faces
        join people using (person)
    )
    select
        (row_number() over (order by block, part) - 1)::integer as tile,
        block,
        list(number order by number, id) as people,
        list(photos order by number, id) as photos,
        list(encoding order by number, id) as encodings
    from placed
    group by block, part
    order by tile;
comment on macro table tiles is 'table faces cut into tiles of at most tile_faces faces, each of one block of people';
