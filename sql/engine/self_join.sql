-- One batch of the self-join: pairs of tiles, of table tiled_face. A query, not an object: the function tile_counts is Python's.
-- It takes two tiles, compares each face of the one with each of the other (or a tile's faces with each other) and returns how
-- many pairs fall into each bin of distance, without those of one person's faces in one photo.
-- One row per pair of tiles, in no order, pair of blocks that has pairs, and same_person: tile_a <= tile_b, block_a <= block_b,
-- then, a bin, from first_bin to the last that has pairs: the number of pairs, and their person weights.
-- Parameters: $tiles_a and $tiles_b, the numbers of the tiles of each pair, in step.
with batch as (
    select unnest($tiles_a) as tile_a, unnest($tiles_b) as tile_b
),
-- Not materialized: each side reads the tiles of its own range alone.
tiles as not materialized (
    select
        tile,
        list(struct_pack(place, block, person_number, photo_number, person_faces, person_pairs, encoding)) as faces
    from tiled_face
    group by tile
),
counted as (
    select tile_a, tile_b, unnest(tile_counts(a, b)) as counts
    from batch
    join tiles as a on a.tile = tile_a
    join tiles as b on b.tile = tile_b
    where
        a.tile between list_min($tiles_a) and list_max($tiles_a)
        and b.tile between list_min($tiles_b) and list_max($tiles_b)
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
