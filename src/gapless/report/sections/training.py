"""Training: the loss and the learning rate along each arm."""

from gapless.report.content import Content
from gapless.report.plots import MAX_POINTS, Plot, trace_plot
from gapless.report.templating import Section, fill


def build(content: Content) -> Section:
    """Make the charts of what was logged while training."""
    arms = content.arms
    plots: list[Plot] = []
    if any(arm.loss.tokens for arm in arms):
        longest = max(len(arm.loss.tokens) for arm in arms)
        averaged = (
            f", drawn as means of {-(-longest // MAX_POINTS)} steps" if longest > MAX_POINTS else ""
        )
        subtitle = f"nats per token, on the mixture of each arm{averaged}"
        plots.append(
            trace_plot(arms, [arm.loss for arm in arms], title="Training loss", subtitle=subtitle)
        )
    if any(arm.learning_rate.tokens for arm in arms):
        rates = [arm.learning_rate for arm in arms]
        plots.append(
            trace_plot(arms, rates, title="Learning rate", subtitle="at each step", nested=True)
        )
    html = fill("training", plots=plots, arms=[arm.name for arm in arms])
    return Section("training", "Training", html)
