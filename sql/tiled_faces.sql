-- tiled_faces(blocks_a_tile, tile_faces): table faces cut into tiles: the faces of so many blocks one after the other (0 to
-- blocks_a_tile - 1, and so on: a group), in parts as equal as can be where these are more than tile_faces.
-- One row per face: tile (0, 1, ..., in the order of their blocks), block_group, place (among the faces of its group), block,
-- id, person_number (one for each person), photo_number (one for each photo of that person), person_faces and person_pairs
-- (how many faces and genuine pairs that person has).
--   select tile, count(*), min(block), max(block) from tiled_faces(2, 8192) group by tile order by tile;
create or replace macro tiled_faces(blocks_a_tile, tile_faces) as table
    with numbered as (
        select
            person,
            block,
            row_number() over (order by block, person)::integer as person_number,
            faces::integer as person_faces,
            genuine_pairs as person_pairs
        from people
    ),
    placed as (
        select
            block // blocks_a_tile as block_group,
            row_number() over (partition by block // blocks_a_tile order by person_number, id) - 1 as place,
            count(*) over (partition by block // blocks_a_tile) as group_faces,
            block,
            id,
            person_number,
            dense_rank() over (
                partition by person_number order by photo, case when photo is null then id end
            )::integer as photo_number,
            person_faces,
            person_pairs
        from (select id, person, photo from with_photo())
        join numbered using (person)
    ),
    cut as (
        select *, place * ceil(group_faces / tile_faces)::bigint // group_faces as part from placed
    )
    select
        (dense_rank() over (order by block_group, part) - 1)::integer as tile,
        block_group,
        place,
        block,
        id,
        person_number,
        photo_number,
        person_faces,
        person_pairs
    from cut;
comment on macro table tiled_faces is 'table faces cut into tiles: the faces of so many blocks one after the other (0 to blocks_a_tile - 1, and so on: a group), in parts as equal as can be where these are more than tile_faces';
