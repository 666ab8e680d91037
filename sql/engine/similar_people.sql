-- People whose names are written much like another name, or hold it, without regard to case.
-- One row per person, at most three, those that hold it first, then the most similar: person.
-- Parameter: $person.
with named as (
    select
        person,
        jaro_winkler_similarity(lower(person), lower($person)) as similarity,
        contains(lower(person), lower($person)) as holds
    from people
)
select person from named where similarity > 0.8 or holds order by holds desc, similarity desc, person limit 3;
