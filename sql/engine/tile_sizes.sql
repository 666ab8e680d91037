-- How table tiled_face cuts the faces.
-- One row per tile: tile, block_group, blocks (a list), faces (how many).
select tile, any_value(block_group) as block_group, list(distinct block) as blocks, count(*) as faces
from tiled_face
group by tile
order by tile;
