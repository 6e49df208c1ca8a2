"""PyTorch's side of train.py: trains on the encoded rows that train_net dumped, prints the same lines.

    train_peer.py DUMP [--compile] [--bf16] UNITS...     the step through torch.compile; products of bf16 by autocast
"""

import json
import sys
import time

import torch

from dump import read_dump
from measure import print_end, score_auc
from network import Network

torch.set_num_threads(2)
torch.manual_seed(1)
N_EPOCHS = 5
BATCH = 1024


def measure(network, part):
    x, codes, labels = part
    with torch.no_grad():
        logits = torch.cat([network(x[i:i + 8192], codes[i:i + 8192]) for i in range(0, len(x), 8192)])
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    return loss, score_auc(torch.softmax(logits.double(), dim=1)[:, 1].numpy(), labels.numpy())


def main():
    n_numbers, tables, parts = read_dump(sys.argv[1])
    train, valid, test = (tuple(map(torch.from_numpy, part)) for part in parts)
    x, codes, labels = train
    options = [arg for arg in sys.argv[2:] if arg.startswith("--")]
    network = Network(n_numbers, tables, [int(n) for n in sys.argv[2:] if n not in options])

    def get_loss(x, codes, labels):
        with torch.autocast("cpu", torch.bfloat16, enabled="--bf16" in options):
            logits = network(x, codes)
        return torch.nn.functional.cross_entropy(logits.float(), labels)

    if "--compile" in options:
        get_loss = torch.compile(get_loss, dynamic=False)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    best = 1e9
    for epoch in range(1, N_EPOCHS + 1):
        start = time.perf_counter()
        order = torch.randperm(len(x))
        for i in range(0, len(x), BATCH):
            rows = order[i:i + BATCH]
            loss = get_loss(x[rows], codes[rows], labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        rate = len(x) / (time.perf_counter() - start)
        valid_loss, valid_auc = measure(network, valid)
        if valid_loss < best:
            best = valid_loss
            test_loss, test_auc = measure(network, test)
        print(json.dumps({"epoch": epoch, "rows_per_second": rate, "valid_loss": valid_loss, "valid_auc": valid_auc}))
    print_end(test_loss, test_auc)


main()
