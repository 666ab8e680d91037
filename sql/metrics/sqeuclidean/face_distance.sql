-- face_distance(a, b): the square of the Euclidean distance of two encodings, in float64. No unit; distance <= cut-off is a match.
-- The square of list_distance would be rounded twice, hence the sum.
--   select face_distance(a.encoding, b.encoding) from faces a, faces b where a.id = 'Ann/1.jpg' and b.id = 'Bob/1.jpg';
create or replace macro face_distance(a, b) as list_sum(list_transform(a::double[], lambda number, place: (number - b[place]::double) * (number - b[place]::double)));
comment on macro face_distance is 'the square of the Euclidean distance of two encodings, in float64';
