using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Hosting;
