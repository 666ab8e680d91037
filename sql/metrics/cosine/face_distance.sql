-- face_distance(a, b): the cosine distance of two encodings, 1 - cos of the angle between them, in float64. No unit; 0 to 2; distance <= cut-off is a match.
-- An encoding of length 0 has no direction, and so no cosine distance.
--   select face_distance(a.encoding, b.encoding) from faces a, faces b where a.id = 'Ann/1.jpg' and b.id = 'Bob/1.jpg';
create or replace macro face_distance(a, b) as 1 - list_inner_product(a::double[], b::double[]) / sqrt(list_inner_product(a::double[], a::double[]) * list_inner_product(b::double[], b::double[]));
comment on macro face_distance is 'the cosine distance of two encodings, 1 - cos of the angle between them, in float64';
