using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>Hashes of groups: what a cache is keyed by and what a checkpoint remembers the data by.</summary>
internal static class GroupHash
{
    /// <summary>A key for the log-probabilities of a group's responses under a policy: the token ids and the policy, not the group's name
    /// or scores.</summary>
    public static string Tokens(TokenGroup group, string policy)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, Encoding.UTF8.GetBytes(policy));
        AppendTokens(hash, group);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>A fingerprint of a whole data set in its order: ids, tokens, scores and, when given, the reference policy's and the old
    /// policy's log-probabilities.</summary>
    public static string DataSet(IReadOnlyList<TokenGroup> groups, ReferenceLogProbs? reference, bool oldPolicy = false)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i < groups.Count; i++)
        {
            TokenGroup group = groups[i];
            Append(hash, Encoding.UTF8.GetBytes(group.Id));
            AppendTokens(hash, group);
            Append(hash, BitConverter.GetBytes(group.CandidateCount));
            Append(hash, MemoryMarshal.AsBytes(group.Scores.Span));
            if (reference is not null)
                Append(hash, MemoryMarshal.AsBytes(reference[i]));
            if (oldPolicy)
                Append(hash, MemoryMarshal.AsBytes(group.OldPolicyLogProbs.Span));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    private static void AppendTokens(IncrementalHash hash, TokenGroup group)
    {
        Append(hash, MemoryMarshal.AsBytes(group.Prompt.Span));
        foreach (ReadOnlyMemory<int> response in group.Responses)
            Append(hash, MemoryMarshal.AsBytes(response.Span));
    }

    /// <summary>With the length in front, so that no two sequences of parts run together.</summary>
    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> part)
    {
        hash.AppendData(BitConverter.GetBytes(part.Length));
        hash.AppendData(part);
    }
}
