-- Add to table tile the tiles of a range, from table tiled_face, which holds what tiled_faces() gives, and table faces.
-- One row per tile: tile, block_group, and its faces: a list of block, the numbers of person and photo, how many faces and
-- genuine pairs that person has, and the encoding.
-- Parameters: $first and $last, numbers of tiles, inclusive.
insert into tile
select
    tile,
    any_value(block_group) as block_group,
    list(
        struct_pack(block, person_number, photo_number, person_faces, person_pairs, encoding) order by place
    ) as faces
from tiled_face
join (select id, encoding from faces) using (id)
where tile between $first and $last
group by tile
order by tile;
