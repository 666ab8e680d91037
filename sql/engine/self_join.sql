-- One batch of the self-join: pairs of tiles, of table tiled_face. A query, not an object: the function tile_counts is Python's.
-- It takes two tiles, compares each face of the one with each of the other (or a tile's faces with each other) and returns how
-- many pairs fall into each bin of distance, without those of one person's faces in one photo.
-- One row per pair of tiles, in no order, pair of blocks that has pairs, and same_person: tile_a <= tile_b, block_a <= block_b,
-- then, a bin, from first_bin to the last that has pairs: the number of pairs, and their person weights.
-- Parameters: $tiles_a and $tiles_b, the numbers of the tiles of each pair, in step.
with batch as (
    select unnest($tiles_a) as tile_a, unnest($tiles_b) as tile_b
),
-- Each side reads its own tiles alone: by their range, which skips what is stored together, and by their numbers.
tiles_a as (
    select
        tile,
        list(struct_pack(place, block, person_number, photo_number, person_faces, person_pairs, encoding)) as faces
    from tiled_face
    where tile between list_min($tiles_a) and list_max($tiles_a) and tile in (select tile_a from batch)
    group by tile
),
tiles_b as (
    select
        tile,
        list(struct_pack(place, block, person_number, photo_number, person_faces, person_pairs, encoding)) as faces
    from tiled_face
    where tile between list_min($tiles_b) and list_max($tiles_b) and tile in (select tile_b from batch)
    group by tile
),
counted as (
    select tile_a, tile_b, unnest(tile_counts(a, b)) as counts
    from batch
    join tiles_a as a on a.tile = tile_a
    join tiles_b as b on b.tile = tile_b
)
select
    tile_a,
    tile_b,
    counts.block_a,
    counts.block_b,
    counts.same_person,
    counts.first_bin,
    counts.pairs,
    counts.person_weight
from counted;
