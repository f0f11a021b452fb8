"""Metrics as pure functions over arrays.

A metric maps each example to k statistics, and the column sums of these statistics to its
value. Means over examples, micro-averages such as span F1, and the bootstrap over examples
(sums of resampled rows) therefore share one code path.
"""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.metrics.base import Metric

METRICS: Registry[Metric] = Registry(
    "metric",
    "xstilts.metrics",
    {
        "accuracy": "xstilts.metrics.accuracy:ACCURACY",
        "accuracy_and_f1": "xstilts.metrics.paraphrase:ACCURACY_AND_F1",
        "exact_match": "xstilts.metrics.squad:EXACT_MATCH",
        "exact_match_fixed": "xstilts.metrics.qa_by_language:EXACT_MATCH_FIXED",
        "exact_match_v2": "xstilts.metrics.squad:EXACT_MATCH_V2",
        "map_at_20": "xstilts.metrics.average_precision:MAP_AT_20",
        "masked_accuracy": "xstilts.metrics.mlm_accuracy:MASKED_ACCURACY",
        "mining_f1": "xstilts.metrics.mining_f1:MINING_F1",
        "mining_f1_all": "xstilts.metrics.mining_f1:MINING_F1_ALL",
        "mining_f1_best": "xstilts.metrics.mining_f1:MINING_F1_BEST",
        "mining_f1_best_all": "xstilts.metrics.mining_f1:MINING_F1_BEST_ALL",
        "mining_f1_crossvalidated": "xstilts.metrics.mining_f1:MINING_F1_CROSSVALIDATED",
        "mining_f1_crossvalidated_all": "xstilts.metrics.mining_f1:MINING_F1_CROSSVALIDATED_ALL",
        "mlqa_exact_match": "xstilts.metrics.mlqa:MLQA_EXACT_MATCH",
        "mlqa_f1": "xstilts.metrics.mlqa:MLQA_F1",
        "mlqa_mean": "xstilts.metrics.mlqa:MLQA_MEAN",
        "pearson": "xstilts.metrics.correlation:PEARSON",
        "pos_f1": "xstilts.metrics.pos_f1:POS_F1",
        "pos_f1_seqeval_0": "xstilts.metrics.pos_f1:POS_F1_SEQEVAL_0",
        "qa_mean": "xstilts.metrics.squad:QA_MEAN",
        "qa_mean_fixed": "xstilts.metrics.qa_by_language:QA_MEAN_FIXED",
        "qa_mean_v2": "xstilts.metrics.squad:QA_MEAN_V2",
        "recall_at_1": "xstilts.metrics.recall_at_1:RECALL_AT_1",
        "spearman": "xstilts.metrics.correlation:SPEARMAN",
        "tag_accuracy": "xstilts.metrics.pos_f1:TAG_ACCURACY",
        "token_f1": "xstilts.metrics.squad:TOKEN_F1",
        "token_f1_fixed": "xstilts.metrics.qa_by_language:TOKEN_F1_FIXED",
        "token_f1_v2": "xstilts.metrics.squad:TOKEN_F1_V2",
        "span_f1": "xstilts.metrics.spans:SPAN_F1",
        "span_f1_strict": "xstilts.metrics.spans:SPAN_F1_STRICT",
        "accuracy_at_1": "xstilts.metrics.retrieval:ACCURACY_AT_1",
        "accuracy_at_1_to_en": "xstilts.metrics.retrieval:ACCURACY_AT_1_TO_EN",
        "accuracy_at_1_from_en": "xstilts.metrics.retrieval:ACCURACY_AT_1_FROM_EN",
        "tatoeba_accuracy": "xstilts.metrics.retrieval:TATOEBA_ACCURACY",
        "image_text_recall_at_1": "xstilts.metrics.image_retrieval:IMAGE_TEXT_RECALL_AT_1",
        "image_to_text_recall_at_1": "xstilts.metrics.image_retrieval:IMAGE_TO_TEXT_RECALL_AT_1",
        "text_to_image_recall_at_1": "xstilts.metrics.image_retrieval:TEXT_TO_IMAGE_RECALL_AT_1",
        "mrr": "xstilts.metrics.retrieval:MRR",
        "mrr_to_en": "xstilts.metrics.retrieval:MRR_TO_EN",
        "mrr_from_en": "xstilts.metrics.retrieval:MRR_FROM_EN",
    },
)
