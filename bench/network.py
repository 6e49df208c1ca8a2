"""PyTorch's network of the measurements: embeddings or one-hot codes beside the numbers, then linear layers and ReLU."""

import torch


class Network(torch.nn.Module):
    """tables are (n_codes, width), width 0: one-hot."""

    def __init__(self, n_numbers, tables, units):
        super().__init__()
        self.tables = tables
        self.embeddings = torch.nn.ModuleList(torch.nn.Embedding(n, d) for n, d in tables if d > 0)
        width = n_numbers + sum(d or n for n, d in tables)
        layers = []
        for n_out in units:
            layers += [torch.nn.Linear(width, n_out), torch.nn.ReLU()]
            width = n_out
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(width, 2))

    def forward(self, x, codes):
        parts = [x]
        embeddings = iter(self.embeddings)
        for i, (n, d) in enumerate(self.tables):
            column = codes[:, i]
            parts.append(next(embeddings)(column) if d > 0 else torch.nn.functional.one_hot(column, n).float())
        return self.layers(torch.cat(parts, dim=1))
