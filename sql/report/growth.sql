-- growth: how the intervals of FMR and FNMR would narrow with more people, or with more photos of each; a projection. Every person
-- counts the same, and every two.
-- One row per rate and projection, at the recommended cut-off, or else that of the first operating point: people and photos are how many times as many there would be, 1 and 1
-- for what is.
--   from growth where rate = 'fmr' order by people;
create table if not exists growth (
    rate varchar,
    people bigint,
    photos bigint,
    value double,
    low double,
    high double,
    bound boolean,
    cutoff double
);
comment on table growth is 'how the intervals of FMR and FNMR would narrow with more people, or with more photos of each; a projection';
