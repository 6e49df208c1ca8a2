"""What the peers of train.py say of a training."""

import json

import numpy


def score_auc(scores, labels):
    _, rank, count = numpy.unique(scores, return_inverse=True, return_counts=True)
    ranks = (numpy.cumsum(count) - (count - 1) / 2)[rank]
    positive = labels == 1
    n = int(positive.sum())
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))


def print_end(test_loss, test_auc):
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps({"test_auc": test_auc, "test_loss": test_loss, "peak_mb": int(peak.split()[1]) / 1024}))
