namespace Tuna.Llama.Batches;

/// <summary>Which rows predict which tokens, each pair once, row by row; and which pairs a response's output sums.</summary>
internal sealed class PredictionTable
{
    private PredictionTable(int[] rows, int[] entryRows, int[] entryTokens, int[][] entriesOfResponse)
    {
        Rows = rows;
        EntryRows = entryRows;
        EntryTokens = entryTokens;
        EntriesOfResponse = entriesOfResponse;
    }

    /// <summary>The batch rows that the head reads, each once, [U].</summary>
    public int[] Rows { get; }

    /// <summary>For each pair, the place of its row in <see cref="Rows"/>, not decreasing, [E].</summary>
    public int[] EntryRows { get; }

    /// <summary>For each pair, the token that the row predicts, [E].</summary>
    public int[] EntryTokens { get; }

    /// <summary>For each response of the micro-batch, its tokens' pairs, [R][T]; empty for a response that is not in the batch.</summary>
    public int[][] EntriesOfResponse { get; }

    /// <summary>Row i predicts token i, and its log-probability stands for itself.</summary>
    public static PredictionTable OnePerRow(int[] tokens)
    {
        int[] rows = [.. Enumerable.Range(0, tokens.Length)];
        return new PredictionTable(rows, rows, tokens, Array.ConvertAll(rows, r => new[] { r }));
    }

    /// <summary>The last row of each response, which gives the response's output by itself.</summary>
    public static PredictionTable OfLastTokens(IReadOnlyList<Segment> segments, int responseCount)
    {
        var rows = new List<int>();
        var tokens = new List<int>();
        var entries = new int[responseCount][];
        Array.Fill(entries, []);
        foreach (ResponseRows r in segments.SelectMany(s => s.Responses))
        {
            entries[r.Index] = [rows.Count];
            rows.Add(r.Start + r.Length - 1);
            tokens.Add(r.Tokens.Span[^1]);
        }

        return new PredictionTable([.. rows], [.. Enumerable.Range(0, rows.Count)], [.. tokens], entries);
    }

    /// <summary>The predictions of a packed batch.</summary>
    public static PredictionTable Build(IReadOnlyList<Segment> segments, int responseCount)
    {
        var rows = new List<int>();
        var entryRows = new List<int>();
        var entryTokens = new List<int>();
        var entries = new int[responseCount][];
        Array.Fill(entries, []);
        foreach (Segment segment in segments)
        {
            // All responses start from the prompt's last row; those that start with the same token share the pair.
            rows.Add(segment.Start + segment.PromptLength - 1);
            var first = new Dictionary<int, int>();
            foreach (ResponseRows r in segment.Responses)
            {
                int token = r.Tokens.Span[0];
                if (first.TryAdd(token, entryRows.Count))
                    Add(token);
                entries[r.Index] = new int[r.Tokens.Length];
                entries[r.Index][0] = first[token];
            }

            foreach (ResponseRows r in segment.Responses)
            {
                for (int t = 1; t < r.Tokens.Length; t++)
                {
                    rows.Add(r.Start + t - 1);
                    entries[r.Index][t] = entryRows.Count;
                    Add(r.Tokens.Span[t]);
                }
            }
        }

        return new PredictionTable([.. rows], [.. entryRows], [.. entryTokens], entries);

        void Add(int token)
        {
            entryRows.Add(rows.Count - 1);
            entryTokens.Add(token);
        }
    }

    /// <summary>Sums the pairs' values over each response's tokens.</summary>
    /// <param name="entryValues">Log-probabilities in nats, or rewards, [E].</param>
    /// <param name="outputs">Receives the sums of the responses that are in the batch, [R].</param>
    public void Sum(ReadOnlySpan<float> entryValues, Span<double> outputs)
    {
        for (int r = 0; r < EntriesOfResponse.Length; r++)
        {
            if (EntriesOfResponse[r].Length == 0)
                continue;
            double sum = 0;
            foreach (int e in EntriesOfResponse[r])
                sum += entryValues[e];
            outputs[r] = sum;
        }
    }

    /// <summary>Spreads dL/d(output) of the responses over the pairs and over the rows.</summary>
    /// <returns>dL/d(pair), [E], and its sum over each row's pairs, [U].</returns>
    public (float[] Entries, float[] Rows) Spread(ReadOnlySpan<double> gradient)
    {
        var entries = new double[EntryRows.Length];
        for (int r = 0; r < EntriesOfResponse.Length; r++)
        {
            foreach (int e in EntriesOfResponse[r])
                entries[e] += gradient[r];
        }

        var rows = new double[Rows.Length];
        for (int e = 0; e < entries.Length; e++)
            rows[EntryRows[e]] += entries[e];
        return (Array.ConvertAll(entries, x => (float)x), Array.ConvertAll(rows, x => (float)x));
    }
}
