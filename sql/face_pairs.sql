-- face_pairs(faces): all pairs of faces that are compared, with their distances. 10,000 faces have 50 million: ask for few people, or
-- for a part of them. faces names a table, view or common table expression with id, person and encoding, and photo, if it has one: two
-- faces of one person in one photo are no pair. Without it, it is faces.
-- One row per pair: person and id of the face whose id is less, other and other_id of the other, same_person, distance.
--   with few as (from faces where person in ('Ann', 'Bob')) from face_pairs(faces := 'few') where distance <= 0.6;
create or replace macro face_pairs(faces := 'faces') as table
    with numbered as (
        select row_number() over (order by id) as place, person, id, photo, encoding::double[] as encoding
        from with_photo(faces := faces)
    )
    select
        a.person as person,
        b.person as other,
        a.id as id,
        b.id as other_id,
        a.person = b.person as same_person,
        face_distance(a.encoding, b.encoding) as distance
    from numbered as a
    join numbered as b on a.place < b.place
    where (a.person = b.person and a.photo = b.photo) is not true;
comment on macro table face_pairs is 'all pairs of faces that are compared, with their distances';
