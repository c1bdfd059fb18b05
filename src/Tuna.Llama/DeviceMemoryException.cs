using System.Runtime.InteropServices;

namespace Tuna.Llama;

/// <summary>The device's memory, or the system's, ran out; the message says during what, what was estimated and what to change. The policy
/// can be used further, but for a policy that was being opened.</summary>
public sealed class DeviceMemoryException : InvalidOperationException
{
    private static readonly string[] Signs = ["out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED"];

    /// <summary>Creates the exception.</summary>
    public DeviceMemoryException(string message, Exception? inner)
        : base(message, inner)
    {
    }

    /// <summary>Creates the exception.</summary>
    public DeviceMemoryException()
    {
    }

    /// <summary>Creates the exception.</summary>
    public DeviceMemoryException(string message)
        : base(message)
    {
    }

    /// <summary>Whether libtorch says that memory ran out, on a GPU (its allocator, cuBLAS, a kernel's launch) or on the CPU.</summary>
    internal static bool Is(ExternalException exception) =>
        Signs.Any(m => exception.Message.Contains(m, StringComparison.OrdinalIgnoreCase));

    /// <summary>The exception that tells what to do.</summary>
    /// <param name="inner">What libtorch said.</param>
    /// <param name="work">What was being done.</param>
    /// <param name="options">How the policy computes.</param>
    /// <param name="estimate">What was estimated, or null.</param>
    /// <param name="advice">What to change first.</param>
    internal static DeviceMemoryException Of(ExternalException inner, string work, LlamaPolicyOptions options, string? estimate,
        params IEnumerable<string> advice)
    {
        string said = inner.Message.Split('\n')[0].Trim();
        string expected = estimate is null ? "" : $" Estimated: {estimate}.";
        return new DeviceMemoryException(
            $"Memory of '{options.Device}' ran out {work} ({said}).{expected} To take less: {string.Join("; ", advice)}.", inner);
    }

    /// <summary>What makes training smaller and is not in use yet.</summary>
    internal static IEnumerable<string> TrainingAdvice(LlamaPolicyOptions options, int groups)
    {
        if (groups > 1)
            yield return $"fewer than {groups} groups in a micro-batch";
        else if (groups == 1)
            yield return "shorter or fewer responses in a group";
        if (groups > 0 && options.Activations != ActivationMode.Recompute)
            yield return $"{nameof(LlamaPolicyOptions.Activations)} = {nameof(ActivationMode.Recompute)}";
        if (options.Moments == MomentPrecision.Full && options.Lora is null)
            yield return $"{nameof(LlamaPolicyOptions.Moments)} = {nameof(MomentPrecision.EightBit)}";
        if (options.Gradients == GradientMode.Keep && options.Lora is null)
            yield return $"{nameof(LlamaPolicyOptions.Gradients)} = {nameof(GradientMode.Recompute)}, where a step is one pass";
        if (options.Lora is null)
            yield return $"{nameof(LlamaPolicyOptions.Lora)}, which trains adapters alone";
        else if (options.BaseWeights == WeightPrecision.Full)
            yield return $"{nameof(LlamaPolicyOptions.BaseWeights)} = {nameof(WeightPrecision.Nf4)}";
        if (options.ComputeType == Models.Checkpoints.TensorDType.F32)
            yield return $"{nameof(LlamaPolicyOptions.ComputeType)} = BF16";
        yield return "a device with more memory";
    }
}
