-- One batch of the self-join: two ranges of tiles of table tile, each pair of tiles once. A query, not an object: the function
-- tile_counts is Python's. It takes the faces of two tiles and returns how many pairs fall into each bin of distance,
-- without those of one person's faces in one photo.
-- One row per pair of tiles, in no order: tile_a <= tile_b, their blocks, and counts: for same-person (genuine) and
-- different-person (impostor) pairs the number of pairs a bin and their person weights a bin.
-- Parameters: $first_a, $last_a, $first_b, $last_b, numbers of tiles, inclusive.
select
    a.tile as tile_a,
    b.tile as tile_b,
    a.block as block_a,
    b.block as block_b,
    tile_counts(
        a.tile = b.tile,
        a.block = b.block,
        a.people,
        a.photos,
        a.person_faces,
        a.person_pairs,
        a.encodings,
        b.people,
        b.photos,
        b.person_faces,
        b.person_pairs,
        b.encodings
    ) as counts
from tile as a
join tile as b on a.tile <= b.tile
where a.tile between $first_a and $last_a and b.tile between $first_b and $last_b;
