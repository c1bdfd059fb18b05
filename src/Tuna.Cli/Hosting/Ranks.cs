using System.CommandLine;
using Tuna.Cli.Commands;
using Tuna.Cli.Files;
using Tuna.Distributed;

namespace Tuna.Cli.Hosting;

/// <summary>The program as one of several processes that a launcher has started.</summary>
internal static class Ranks
{
    /// <summary>How long another rank than the first waits before it tells why it failed.</summary>
    public static readonly TimeSpan FirstSpeaksFor = TimeSpan.FromSeconds(1);

    /// <summary>The processes that a command works with.</summary>
    /// <exception cref="StageException">A launcher started several, but the command works alone.</exception>
    public static IProcessGroup Join(StageCommand command, ParseResult parse)
    {
        int started = MpiProcessGroup.LaunchedSize;
        if (started == 1)
            return IProcessGroup.Single;
        if (command.Together(parse) is { } options)
            return MpiProcessGroup.Start(options);
        if (command.Options.OfType<ShardOption>().SingleOrDefault() is not { } shard)
            throw new StageException(
                $"{started} processes were started, but `tuna {UsageErrors.NameOf(command)}` works in one. Start it without the launcher.",
                ExitCodes.Usage);
        return parse.GetValue(shard) is not null
            ? IProcessGroup.Single
            : throw new StageException(
                $"{started} processes were started, but `tuna {UsageErrors.NameOf(command)}` works in one. Give each a share of the rows "
                + $"with --shard i/n, and put them together with tuna merge.", ExitCodes.Usage);
    }
}
