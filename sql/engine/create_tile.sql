-- Table tile, empty, for the type that the encodings of table faces have; sql/engine/fill_tiles.sql says what it holds.
create or replace temp table tile as
select
    tile,
    block_group,
    list(struct_pack(block, person_number, photo_number, person_faces, person_pairs, encoding)) as faces
from tiled_face
join (select id, encoding from faces) using (id)
where false
group by all;
