"""Train a network of Canon in your own PyTorch loop.

`canon.create` returns a plain `torch.nn.Module`, initialised as in its paper. `canon.describe` and
`canon.fully_convolutional` work on it as on any other module.
"""

import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import canon


def load() -> tuple[TensorDataset, TensorDataset]:
    """The digits of scikit-learn at 32 x 32 pixels, for training and for testing."""
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    x = F.interpolate(x, size=32, mode="bilinear")
    x = (x - x.mean()) / x.std()
    y = torch.tensor(labels)
    return TensorDataset(x[:1400], y[:1400]), TensorDataset(x[1400:], y[1400:])


def main() -> None:
    """Train for a few epochs, and print the test accuracy."""
    train, test = load()
    net = canon.create("lenet5-modern", classes=10, channels=1, seed=0)
    print(f"{canon.describe(net, 32, channels=1).params:,} trainable parameters")

    epochs = 4
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    loader = DataLoader(train, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, epochs * len(loader))
    for epoch in range(1, epochs + 1):
        net.train()
        for x, y in loader:
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        net.eval()
        x, y = test.tensors
        with torch.inference_mode():
            accuracy = (net(x).argmax(1) == y).float().mean()
        print(f"epoch {epoch}/{epochs}  train loss {loss:.4f}  test accuracy {accuracy:.1%}")


if __name__ == "__main__":
    main()
