-- The faces of one tile of table tiled_face, to be written.
-- One row per face, in the order of their places: all columns.
-- Parameters: $tile, its number.
from tiled_face
where tile = $tile
order by place;
