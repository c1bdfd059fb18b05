using Tuna.Llama.Distributed;
using Tuna.Llama.Tensors;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Passes;

/// <summary>AdamW (Loshchilov and Hutter, arXiv 1711.05101) on single-precision weights.</summary>
/// <remarks>
/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w = w (1 - lr wd) - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps), as PyTorch orders it.
/// TorchSharp's own AdamW keeps its moments in the parameter's type: with bf16 and a small learning rate most weights would never move.
/// </remarks>
internal static class AdamWOptimizer
{
    /// <summary>One step.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="copies">The group that it is trained in, which then receives the weights; null for this process alone.</param>
    /// <param name="step">The step.</param>
    public static void Step(TrainingParameters parameters, Copies? copies, in AdamWStep step)
    {
        AdamWSettings s = step.Settings;
        using IDisposable mode = no_grad();
        foreach (TrainedWeight weight in parameters.Weights.Where(Moves))
            weight.EnsureMoments(); // all of them before any weight moves: memory that runs out leaves the weights as they were
        foreach (IGrouping<TrainedWeight, TrainedParameter> weight in parameters.List.GroupBy(p => p.Weight).Where(w => Moves(w.Key)))
        {
            // Parts that follow the same rule move together.
            (long row, long rows, (double Rate, double Decay) rule) = (0, 0, default);
            foreach (TrainedParameter p in weight)
            {
                (double Rate, double Decay) own = (step.LearningRate * (p.Group?.LearningRateFactor ?? 1), p.Group?.WeightDecay ?? s.WeightDecay);
                if (rows > 0 && own != rule)
                {
                    Move(weight.Key, row, rows, rule, step);
                    (row, rows) = (p.Row, 0);
                }

                (rows, rule) = (rows + p.Rows, own);
            }

            Move(weight.Key, row, rows, rule, step);
            // A weight that no response has touched since the last step has gradient zero; its moments still decay.
            weight.Key.ClearGradient();
        }

        copies?.GatherWeights();

        bool Moves(TrainedWeight weight) => copies?.IsOwn(weight) ?? true;
    }

    private static void Move(TrainedWeight weight, long row, long rows, (double Rate, double Decay) rule, in AdamWStep step)
    {
        if (rule.Rate == 0)
            return;
        AdamWSettings s = step.Settings;
        double correction1 = 1 - Math.Pow(s.Beta1, step.Step), correction2 = Math.Sqrt(1 - Math.Pow(s.Beta2, step.Step));
        weight.Step(row, rows, new AdamWNumbers(s.Beta1, s.Beta2, s.Epsilon, 1 - (rule.Rate * rule.Decay), rule.Rate / correction1, correction2, step.GradientScale, BlockCodes.NoiseOf(step.Step)));
    }

    /// <summary>Global L2 norm of all gradients: one number crosses from the device, whatever the number of parameters.</summary>
    public static double GradientNorm(TrainingParameters parameters)
    {
        using IDisposable mode = no_grad();
        return Math.Sqrt(parameters.Operations.SumOfSquares([.. parameters.Weights.Select(w => w.Gradient).OfType<Tensor>()]));
    }
}
