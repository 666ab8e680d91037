-- How table tiled_face cuts the faces.
-- One row per tile: tile, block_group, faces.
select tile, any_value(block_group) as block_group, count(*) as faces
from tiled_face
group by tile
order by tile;
