-- Table tiled_face: the faces of table faces in the order of their tiles, so that a tile is read without the others.
-- One row per face: what tiled_faces() gives, but for id, and encoding, a blob: packed() is Python's.
-- Parameters: $blocks_a_tile and $tile_faces, those of tiled_faces().
create or replace temp table tiled_face as
select tiled.* exclude (id), encoding
from tiled_faces($blocks_a_tile, $tile_faces) as tiled
join (select id, packed(encoding) as encoding from faces) using (id)
order by tile, place;
