-- precision_recall: the cut-off table of a report. It equals cutoff_rates() of the report's binned_counts.
-- One row per cut-off, an edge of the bins. Rates lie in 0 to 1.
--   from precision_recall where fmr <= 0.001 order by cutoff desc limit 1;
create table if not exists precision_recall (
    bin integer,
    cutoff double,
    genuine_matched bigint,
    impostor_matched bigint,
    precision double,
    recall double,
    fmr double,
    fnmr double,
    f1 double
);
comment on table precision_recall is 'the cut-off table of a report';
comment on column precision_recall.bin is 'the last bin that matches: cutoff / bin_width of binning';
comment on column precision_recall.cutoff is 'a pair matches where distance <= cutoff; no unit';
comment on column precision_recall.genuine_matched is 'pairs of one person that match';
comment on column precision_recall.impostor_matched is 'pairs of two people that match';
comment on column precision_recall.precision is 'share of the pairs that match that are of one person; 1 where nothing matches';
comment on column precision_recall.recall is 'share of the genuine pairs that match; null where there are none';
comment on column precision_recall.fmr is 'false match rate: share of the impostor pairs that match; null where there are none';
comment on column precision_recall.fnmr is 'false non-match rate: 1 - recall; null where there are no genuine pairs';
comment on column precision_recall.f1 is 'harmonic mean of precision and recall; null where there are no genuine pairs';
