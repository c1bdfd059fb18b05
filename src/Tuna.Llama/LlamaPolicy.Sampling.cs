using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tuna.Llama.Sampling;
using Tuna.Policies;

namespace Tuna.Llama;

public sealed partial class LlamaPolicy
{
    /// <inheritdoc/>
    /// <remarks>
    /// Prompts of different lengths are drawn together, up to <see cref="LlamaPolicyOptions.MaxSampleBatch"/> samples at a time, with a
    /// key/value cache that is allocated once; a sample that is done makes room for one that waits. Streams of random numbers belong to
    /// their request alone; the last bits of the logits may depend on how many are drawn together, as libtorch's matrix products do.
    /// </remarks>
    /// <exception cref="DeviceMemoryException">Memory ran out.</exception>
    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
        CancellationToken cancellationToken = default)
    {
        using Turn turn = TakeTurn();
        RequireWhole();
        Info.CheckRequests(requests);
        var waiting = new List<SampleState>();
        for (int r = 0; r < requests.Count; r++)
        {
            for (int k = 0; k < requests[r].Count; k++)
                waiting.Add(new SampleState(requests[r], r, k));
        }

        if (waiting.Count > 0)
        {
            try
            {
                using var decoder = new Decoder(Model, waiting, Options.MaxSampleBatch, ahead: 8);
                while (!decoder.Done)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    decoder.Step(cancellationToken);
                }
            }
            catch (ExternalException e) when (DeviceMemoryException.Is(e))
            {
                throw OutOfMemory(e, Math.Min(waiting.Count, Options.MaxSampleBatch));
            }
        }

        var results = new List<SampledResponse>[requests.Count];
        for (int r = 0; r < results.Length; r++)
            results[r] = new List<SampledResponse>(requests[r].Count);
        foreach (SampleState sample in waiting)
            results[sample.RequestIndex].Add(sample.ToResponse());
        return results;
    }

    /// <summary>Samples one response and shows its tokens as they are drawn.</summary>
    /// <param name="request">What to sample; its <see cref="SamplingRequest.Count"/> must be 1.</param>
    /// <param name="cancellationToken">Stops between tokens.</param>
    /// <returns>The new token ids, the stop token included: those that <see cref="Sample"/> gives. The policy refuses other use until the
    /// stream ends or is disposed.</returns>
    /// <exception cref="DeviceMemoryException">Memory ran out.</exception>
    public async IAsyncEnumerable<int> SampleStreamAsync(SamplingRequest request,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using Turn turn = TakeTurn();
        RequireWhole();
        Info.CheckRequests([request]);
        if (request.Count != 1)
            throw new ArgumentException($"Count is {request.Count}; a stream is of one sample.", nameof(request));
        var sample = new SampleState(request, 0, 0);
        using Decoder decoder = Guarded(() => new Decoder(Model, [sample], limit: 1, ahead: 1));
        await Step().ConfigureAwait(false);
        for (int shown = 0; ; shown++)
        {
            yield return sample.Tokens[shown];
            if (sample.Done)
                yield break;
            cancellationToken.ThrowIfCancellationRequested();
            await Step().ConfigureAwait(false);
        }

        Task Step() => Task.Run(
            () => Guarded(() =>
            {
                decoder.Step(cancellationToken);
                return decoder;
            }),
            cancellationToken);

        T Guarded<T>(Func<T> work)
        {
            try
            {
                return work();
            }
            catch (ExternalException e) when (DeviceMemoryException.Is(e))
            {
                throw OutOfMemory(e, 1);
            }
        }
    }

    private DeviceMemoryException OutOfMemory(ExternalException inner, int samples)
    {
        IEnumerable<string> advice = [$"a smaller {nameof(SamplingRequest.MaxNewTokens)}", "a device with more memory"];
        return DeviceMemoryException.Of(inner, "sampling", Options, null, samples > 1
            ? advice.Prepend($"{nameof(LlamaPolicyOptions.MaxSampleBatch)} below {samples}") : advice);
    }
}
